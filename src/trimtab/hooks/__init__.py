"""Our own contracts as calls and answers: plans with conditions, an agent's limits, CREATE2 deployment."""
