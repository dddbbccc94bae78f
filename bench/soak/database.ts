import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { accounts } from './traffic.ts'

/** A database of one service, and what an administrator does with it. Its own connection goes past every fault. */
export class SoakDatabase {
  /** As the service connects to it. */
  readonly url: string
  readonly #name: string
  readonly #server: string
  readonly #admin: pg.Pool

  private constructor(server: string, name: string, url: string, admin: pg.Pool) {
    this.#server = server
    this.#name = name
    this.url = url
    this.#admin = admin
  }

  /** @param server url of a superuser */
  static async create(server: string, name: string): Promise<SoakDatabase> {
    const password = randomBytes(12).toString('hex')
    const url = new URL(server)
    url.pathname = name
    await asAdmin(server, async (client) => {
      await client.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`)
      await client.query(`CREATE DATABASE ${name} OWNER ${name}`)
    })
    const admin = new pg.Pool({ connectionString: url.href, max: 2 })
    admin.on('error', () => {})
    url.username = name
    url.password = password
    await asAdmin(url.href, (client) =>
      client.query(`
        CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL);
        INSERT INTO accounts SELECT id, ${accounts.total / accounts.count} FROM generate_series(1, ${accounts.count}) id;
        CREATE TABLE transfers (id bigint PRIMARY KEY);
        CREATE TABLE leaked (id text)`),
    )
    return new SoakDatabase(server, name, url.href, admin)
  }

  /** Of the service, without those of the administrator. */
  async sessions(): Promise<number[]> {
    const { rows } = await this.#ask<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = '${this.#name}' AND usename = '${this.#name}'`,
    )
    return rows.map(({ pid }) => pid)
  }

  async terminate(pid: number): Promise<void> {
    await this.#ask('SELECT pg_terminate_backend($1)', [pid])
  }

  /** -1: no limit. The administrator is not subject to it. */
  async limitConnections(most: number): Promise<void> {
    await this.#ask(`ALTER DATABASE ${this.#name} CONNECTION LIMIT ${most}`)
  }

  /**
   * How many rows are not as they must be: acknowledged transfers that are missing, rows of transactions that never
   * committed, and 1 if money has appeared or vanished. Forgets the transfers that it has looked at.
   */
  async wrongRows(acknowledged: readonly number[]): Promise<number> {
    const { rows } = await this.#ask<{ missing: number; leaked: number; total: number }>(
      `SELECT (SELECT count(*)::int FROM unnest($1::bigint[]) id WHERE id NOT IN (SELECT id FROM transfers)) AS missing,
              (SELECT count(*)::int FROM leaked) AS leaked,
              (SELECT sum(balance)::int FROM accounts) AS total`,
      [acknowledged],
    )
    await this.#ask('DELETE FROM transfers WHERE id = ANY($1)', [acknowledged])
    const { missing, leaked, total } = rows[0] ?? { missing: acknowledged.length, leaked: 0, total: 0 }
    return missing + leaked + (total === accounts.total ? 0 : 1)
  }

  async drop(): Promise<void> {
    await this.#admin.end()
    await asAdmin(this.#server, async (client) => {
      await client.query(`DROP DATABASE ${this.#name} WITH (FORCE)`)
      await client.query(`DROP ROLE ${this.#name}`)
    })
  }

  /** A restart of the server ends the administrator's connections as well. */
  async #ask<Row extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<pg.QueryResult<Row>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#admin.query<Row>(sql, [...values])
      } catch (error) {
        if (attempt === 50) throw error
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
  }
}

async function asAdmin<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
