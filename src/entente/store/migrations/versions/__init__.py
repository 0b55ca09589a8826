"""versions: the steps themselves, oldest first; see the folder above.

>>> list_versions("entente.store.migrations.versions")
"""
