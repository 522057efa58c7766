"""Recipes to PromQL, grouping and scoping of queries, answers to readings. Pure text and data."""
