const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = process.env

// drizzle-kit wants a default export.
// biome-ignore lint/style/noDefaultExport: see above
export default {
  dialect: 'postgresql',
  out: './out',
  dbCredentials: {
    host: PGHOST,
    port: Number(PGPORT),
    user: PGUSER,
    password: PGPASSWORD,
    database: PGDATABASE,
    ssl: false,
  },
}
