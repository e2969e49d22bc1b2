"""One file per export, with its writer and its entry, `EXPORT` or `EXPORTS`; a new file here is a new export."""
