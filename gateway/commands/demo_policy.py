"""
The policy of the demo: buyers keep addresses, representatives invite colleagues, and the portal is
told what to write to people.
"""

POLICY = """
[roles.buyer]
extends = "buyer"
[roles.buyer.account]
access = "account"
privileges = ["read", "create", "update", "delete"]

[roles.representative]
extends = "representative"
[roles.representative.account]
access = "account"
privileges = ["read", "create", "update", "delete"]
[roles.representative.contacts]
access = "account"
privileges = ["read", "create", "update", "delete"]

[webhooks.mail]
address = "http://{host}:{port}/mail"
persons = true
secrets = ["{secret}"]
allow = ["127.0.0.0/8"]
"""
"""The file's text, with the places of the portal's address and secret."""
