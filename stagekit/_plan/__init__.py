"""Floor 2: from declarations to an immutable plan. Pure: calls no stage, reads no clock."""
