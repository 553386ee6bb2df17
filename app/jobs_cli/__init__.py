"""`starling jobs ...`: the jobs of this installation, for the person who runs it. It begins in `run`."""
