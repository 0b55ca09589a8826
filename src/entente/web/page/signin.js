// Signing in: by a one-time link, or on a page of a demo as any officer.
const box = document.getElementById("signin");
