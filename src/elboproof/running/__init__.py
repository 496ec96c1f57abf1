"""Long runs: workers, progress and resumable files of rows; knows no model."""
