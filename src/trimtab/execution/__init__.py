"""Turn an order intent into an execution report: checks, quote, plan, transaction, fills."""
