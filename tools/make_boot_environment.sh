#!/bin/sh
# Make the environment that holds uv, with the first Python that will do.
#
#     tools/make_boot_environment.sh .boot 0.13.9 python3 python3.12
#
# It never downloads a Python: which one a machine runs is for its owner to decide.
set -eu

folder=$1
uv_version=$2
shift 2

found=
seen=
for python in "$@"; do
    command -v "$python" >/dev/null 2>&1 || continue
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        # Debian splits venv's other half, ensurepip, into a package of its own.
        if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            found=$python
            break
        fi
        seen="$seen $python (has no venv: apt-get install python3-venv);"
    else
        seen="$seen $python ($("$python" --version 2>&1 | head -n 1));"
    fi
done
if [ -z "$found" ]; then
    echo "entente: expected Python 3.11 or newer with its venv module, got:${seen:- none of $*}" >&2
    echo "entente: install one, or name it: make PYTHON=/path/to/python3.12 demo" >&2
    exit 2
fi

echo "entente: fetching uv $uv_version for $("$found" --version 2>&1) into $folder"
"$found" -m venv --clear "$folder"
"$folder/bin/python" -m pip --disable-pip-version-check --quiet install --only-binary :all: "uv==$uv_version"
