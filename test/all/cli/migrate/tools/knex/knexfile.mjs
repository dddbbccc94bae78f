export const client = 'pg'
// All of it from PGHOST and so on.
export const connection = {}
export const migrations = { directory: './migrations', loadExtensions: ['.mjs'] }
