// A second opinion on an entente record, by code that shares nothing with it: the note and log
// packages of the Go project (golang.org/x/mod/sumdb), as Debian ships them.
//
//	go_verifier mirror      -log VKEY [-witness VKEY]... [-k N] DIR
//	go_verifier inclusion   -log VKEY [-witness VKEY]... [-k N] PROOF ENTRY
//	go_verifier consistency -log VKEY OLD NEW PROOF
//	go_verifier fork        -log VKEY A B [CONSISTENCY]
//
// Exit status: 0 accepted, 1 refused (the reason is on standard error), 2 usage, 3 a fork is proven.
//
// What is ours here: the cosignature's signed message, tile paths, and the file formats around the proofs.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8
const tileWidth = 1 << tileHeight

// cosigner checks cosignature/v1 lines (C2SP tlog-cosignature), which the note package does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	t := binary.BigEndian.Uint64(sig[:8])
	if t > 1<<63-1 {
		return false
	}
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", t)), msg...)
	return ed25519.Verify(c.key, signed, sig[8:])
}

func newCosigner(vkey string) (*cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("witness key: expected name+id+base64")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != 0x04 {
		return nil, errors.New("witness key: expected 33 bytes of type 4")
	}
	digest := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	hash := binary.BigEndian.Uint32(digest[:4])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, errors.New("witness key: the id does not belong to the key")
	}
	return &cosigner{parts[0], hash, ed25519.PublicKey(raw[1:])}, nil
}

type keys struct {
	log       note.Verifier
	witnesses []*cosigner
	needed    int
}

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
	text   string
}

// open verifies a checkpoint note: the log's signature, no bad one by a known key, enough witnesses.
func (k *keys) open(raw []byte) (*checkpoint, error) {
	list := []note.Verifier{k.log}
	for _, w := range k.witnesses {
		list = append(list, w)
	}
	n, err := note.Open(raw, note.VerifierList(list...))
	if err != nil {
		return nil, err
	}
	byLog, byWitnesses := false, 0
	for _, sig := range n.Sigs {
		if sig.Name == k.log.Name() && sig.Hash == k.log.KeyHash() {
			byLog = true
		} else {
			byWitnesses++
		}
	}
	if !byLog {
		return nil, errors.New("checkpoint: not signed by the log")
	}
	if byWitnesses < k.needed {
		return nil, fmt.Errorf("checkpoint: %d witnesses, %d needed", byWitnesses, k.needed)
	}
	lines := strings.SplitN(n.Text, "\n", 4)
	if len(lines) < 4 || lines[0] != k.log.Name() {
		return nil, errors.New("checkpoint: wrong origin")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return nil, errors.New("checkpoint: bad size")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return nil, err
	}
	return &checkpoint{lines[0], size, root, n.Text}, nil
}

func tilePath(level string, index int64, width int) string {
	path := fmt.Sprintf("%03d", index%1000)
	for index >= 1000 {
		index /= 1000
		path = fmt.Sprintf("x%03d/%s", index%1000, path)
	}
	if width != tileWidth {
		path += fmt.Sprintf(".p/%d", width)
	}
	return "tile/" + level + "/" + path
}

// mirror derives every tile and the root from the entries, and compares them with what is published.
func (k *keys) mirror(dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	c, err := k.open(raw)
	if err != nil {
		return err
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			if at >= int64(len(stored)) {
				return nil, errors.New("hash not stored")
			}
			found[i] = stored[at]
		}
		return found, nil
	})
	for done := int64(0); done < c.size; {
		width := int64(tileWidth)
		if c.size-done < width {
			width = c.size - done
		}
		path := tilePath("entries", done/tileWidth, int(width))
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			return err
		}
		for i := int64(0); i < width; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return fmt.Errorf("%s: too short", path)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			hashes, err := tlog.StoredHashes(done+i, data[2:end], reader)
			if err != nil {
				return err
			}
			stored = append(stored, hashes...)
			data = data[end:]
		}
		if len(data) != 0 {
			return fmt.Errorf("%s: too long", path)
		}
		done += width
	}
	root, err := tlog.TreeHash(c.size, reader)
	if err != nil {
		return err
	}
	if c.size > 0 && root != c.root || c.size == 0 && c.root != tlog.Hash(sha256.Sum256(nil)) {
		return fmt.Errorf("root: the entries give %v, the checkpoint says %v", root, c.root)
	}
	tiles := 0
	for _, tile := range allTiles(c.size) {
		derived, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return err
		}
		path := tilePath(strconv.Itoa(tile.L), tile.N, tile.W)
		published, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			return err
		}
		if !bytes.Equal(published, derived) {
			return fmt.Errorf("%s: not what the entries give", path)
		}
		tiles++
	}
	fmt.Printf("accepted: %s, %d entries, %d hash tiles, %d witnesses needed\n", c.origin, c.size, tiles, k.needed)
	return nil
}

// allTiles lists the hash tiles of a size at their final widths.
func allTiles(size int64) []tlog.Tile {
	var tiles []tlog.Tile
	for level, count := 0, size; count > 0; level, count = level+1, count/tileWidth {
		for n := int64(0); n < count/tileWidth; n++ {
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: n, W: tileWidth})
		}
		if rest := count % tileWidth; rest > 0 {
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: count / tileWidth, W: int(rest)})
		}
	}
	return tiles
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

// inclusion checks a tlog-proof file and the bytes of the entry that it is about.
func (k *keys) inclusion(proofFile, entryFile string) error {
	raw, err := os.ReadFile(proofFile)
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return err
	}
	border := bytes.Index(raw, []byte("\n\n"))
	if border < 0 {
		return errors.New("proof: no empty line")
	}
	lines := strings.Split(string(raw[:border]), "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("proof: unknown header")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return errors.New("proof: no index")
	}
	index, err := strconv.ParseInt(lines[0][len("index "):], 10, 64)
	if err != nil {
		return err
	}
	hashes, err := parseHashes(lines[1:])
	if err != nil {
		return err
	}
	c, err := k.open(raw[border+2:])
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(hashes, c.size, c.root, index, tlog.RecordHash(entry)); err != nil {
		return err
	}
	fmt.Printf("accepted: entry %d of %d in %s\n", index, c.size, c.origin)
	return nil
}

func (k *keys) openFile(name string) (*checkpoint, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return k.open(raw)
}

// consistency checks that one signed tree is a prefix of another; the proof is one base64 hash a line.
func (k *keys) consistency(oldFile, newFile, proofFile string) error {
	before, err := k.openFile(oldFile)
	if err != nil {
		return err
	}
	after, err := k.openFile(newFile)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(proofFile)
	if err != nil {
		return err
	}
	hashes, err := parseHashes(strings.Fields(string(raw)))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(hashes, after.size, after.root, before.size, before.root); err != nil {
		return err
	}
	fmt.Printf("accepted: size %d is a prefix of size %d\n", before.size, after.size)
	return nil
}

var errFork = errors.New("fork")

// fork returns errFork when the files prove that the log signed two histories.
func (k *keys) fork(files []string) error {
	a, err := k.openFile(files[0])
	if err != nil {
		return err
	}
	b, err := k.openFile(files[1])
	if err != nil {
		return err
	}
	if a.size == b.size {
		if a.root == b.root {
			return errors.New("no fork: one size, one root")
		}
		fmt.Printf("fork: %s signed two roots of size %d\n", a.origin, a.size)
		return errFork
	}
	if len(files) < 3 {
		return errors.New("no fork: two sizes and no consistency file")
	}
	raw, err := os.ReadFile(files[2])
	if err != nil {
		return err
	}
	lines := strings.Fields(string(raw))
	if len(lines) < 3 || lines[0] != "old" || lines[1] != strconv.FormatInt(b.size, 10) {
		return errors.New("no fork: the consistency file is about another size")
	}
	hashes, err := parseHashes(lines[2:])
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(hashes[1:], a.size, a.root, b.size, hashes[0]); err != nil {
		return err
	}
	if hashes[0] == b.root {
		return errors.New("no fork: one is a prefix of the other")
	}
	fmt.Printf("fork: %s signed another root of size %d than its size %d holds\n", a.origin, b.size, a.size)
	return errFork
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: go_verifier mirror|inclusion|consistency|fork -log VKEY [-witness VKEY]... [-k N] FILE...")
	os.Exit(2)
}

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	k := &keys{}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	flags.Func("log", "the log's verifier key", func(text string) (err error) {
		k.log, err = note.NewVerifier(text)
		return err
	})
	flags.Func("witness", "a witness's verifier key", func(text string) error {
		w, err := newCosigner(text)
		k.witnesses = append(k.witnesses, w)
		return err
	})
	flags.IntVar(&k.needed, "k", 0, "how many witnesses must have cosigned")
	if err := flags.Parse(os.Args[2:]); err != nil || k.log == nil {
		usage()
	}
	files := flags.Args()
	counts := map[string][2]int{"mirror": {1, 1}, "inclusion": {2, 2}, "consistency": {3, 3}, "fork": {2, 3}}
	count, known := counts[os.Args[1]]
	if !known || len(files) < count[0] || len(files) > count[1] {
		usage()
	}
	var err error
	switch os.Args[1] {
	case "mirror":
		err = k.mirror(files[0])
	case "inclusion":
		err = k.inclusion(files[0], files[1])
	case "consistency":
		err = k.consistency(files[0], files[1], files[2])
	case "fork":
		err = k.fork(files)
	}
	if err == errFork {
		os.Exit(3)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}
