"""Terms files at the desk: kept for this party alone, and asked, as they stand or with changes.

Nothing of a terms file leaves the desk: no verb of this room signs, seals or sends; what is asked, by whom
and with which what-ifs, stands nowhere but in the answers. (An agreement that is drafted from terms goes out
by `agreeing` alone, as a text of its own.)

    questions    what can be asked, each with its words and its JSON: the command line asks through it too
    shelf        the files, in the folder ``terms`` of the desk
    structure    what stands in a file, for a page to draw
    room         one search at a time, watched, stopped, and remembered by what was asked
    verbs        the desk's verbs
"""
