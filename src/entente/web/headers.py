"""The headers of every answer of the page: what a browser may do with it, and what it may not.

Invariants: no script, style, picture or connection from anywhere but the desk; nothing inline, no eval; no
other site may frame the page, open it and keep a hand on it, or read its answers; no address is told to
anybody (Referrer-Policy); answers with data are kept by nobody.

    >>> PAGE_HEADERS["x-content-type-options"]
    'nosniff'
"""

from __future__ import annotations

from typing import Final

_RULES: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "worker-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    # A string may become a script, a worker or markup only through the one policy that the page defines.
    "require-trusted-types-for 'script'",
    "trusted-types default",
)
POLICY: Final = "; ".join(_RULES)
_POWERS: Final = (
    *("accelerometer", "autoplay", "browsing-topics", "camera", "display-capture"),
    *("encrypted-media", "gamepad", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts"),
    *("magnetometer", "microphone", "midi", "payment", "picture-in-picture", "serial"),
    *("storage-access", "usb", "window-management", "xr-spatial-tracking"),
)
COMMON_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": ", ".join(
        [f"{name}=()" for name in _POWERS]
        + [
            "fullscreen=(self)",
            "publickey-credentials-create=(self)",
            "publickey-credentials-get=(self)",
        ]
    ),
    "x-frame-options": "DENY",
}
PAGE_HEADERS: Final = COMMON_HEADERS | {"content-security-policy": POLICY}
DATA_HEADERS: Final = COMMON_HEADERS | {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
STRICT_TRANSPORT: Final = "max-age=31536000"
