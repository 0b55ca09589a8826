"""The page of a desk: the static files that ship with it, and the routes that serve it to officers.

    files      the page's files: one hash over all of them, gzip, what the browser should fetch ahead
    addresses  under which names the page is served: Host, Origin and Sec-Fetch-Site are held against them
    roles      which verb wants which role
    officers   who may sign in, with which roles; one-time links; what was done
    sessions   who is signed in
    limits     how often something may be tried
    passkeys   WebAuthn
    signin     the routes under /session
    app        all of it put together: `make_page`

Invariants: nothing of the desk is told without a session, and nothing of it is changed by another site's
page; the officer of an act is the session's, whatever a request says; a page is served over plain HTTP on the
loopback only.

It decides nothing about the record and knows no verb's meaning: the desk's verbs do the work. It does not
import the desk's command line; the command line hands `make_page` to the desk (`entente.desk.serve`).

    >>> serve_desk(folder, make_page=make_page)
"""
