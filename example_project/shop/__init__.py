"""Customers, what they can buy, and what they bought."""
