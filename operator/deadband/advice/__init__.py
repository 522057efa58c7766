"""What a reviewer would say of a policy, worked out: findings, each with its number and what to change. No I/O."""
