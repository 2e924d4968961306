"""See SMTP with your own eyes: an interactive shell, transcripts, and their replay."""

__version__ = "0.1.0"
