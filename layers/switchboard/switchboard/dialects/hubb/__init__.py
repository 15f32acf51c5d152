"""Hubb UCS: `send_sms`, `crm_add_deal` and `master_account`, each in all four corners, and the callbacks both ways."""

NAME = "hubb"
