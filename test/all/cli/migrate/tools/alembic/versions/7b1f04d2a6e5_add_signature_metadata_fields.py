"""Add signature metadata fields"""

import sqlalchemy as sa
from alembic import op

revision = "7b1f04d2a6e5"
down_revision = "0c9c72e35979"


def upgrade():
    op.create_table("signatures", sa.Column("id", sa.Integer(), primary_key=True))
    op.add_column("datasets", sa.Column("signature", sa.Text()))


def downgrade():
    op.drop_column("datasets", "signature")
    op.drop_table("signatures")
