export const up = (knex) => knex.schema.alterTable('datasets', (table) => table.text('name'))
export const down = (knex) => knex.schema.alterTable('datasets', (table) => table.dropColumn('name'))
