"""The ledger of claims about batch normalization, each settled exactly or with a stated error.

One module per family, one function per claim.
:func:`exactbn.claims.ledger.ledger.all_claims` loads them.
"""
