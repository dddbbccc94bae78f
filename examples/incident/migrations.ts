/** What the service's team wants to roll out: three changes of one table, each from a connection of its own. */
import pg from 'pg'

const columns = [
  ['description', 'text'],
  ['signature', 'text'],
  ['signed_at', 'timestamptz'],
] as const

export const columnNames: readonly string[] = columns.map(([name]) => name)

export interface Migration {
  /** Its `application_name`, by which the server's views tell who it is. */
  readonly name: string
  readonly statement: string
  /** Resolves when the table is changed. */
  readonly done: Promise<void>
}

export interface Rollout extends AsyncDisposable {
  /** Sends the statements one by one, each as soon as `isQueued` has seen the one before. */
  start(isQueued: (migration: Migration) => Promise<void>): Promise<Migration[]>
}

/** The service's tables as they are before the rollout. */
export async function createTables(client: pg.Client): Promise<void> {
  await client.query(`
    DROP TABLE IF EXISTS runs, datasets;
    CREATE TABLE datasets (id integer PRIMARY KEY, name text NOT NULL);
    CREATE TABLE runs (id integer PRIMARY KEY, dataset_id integer NOT NULL REFERENCES datasets, score real);
    INSERT INTO datasets VALUES (1, 'iris'), (2, 'penguins'), (3, 'wine');
    INSERT INTO runs SELECT n, 1 + n % 3, n / 30.0 FROM generate_series(1, 30) AS n;
  `)
}

/** Which of the columns that the rollout adds are there. */
export async function addedColumns(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ column_name: string }>(
    `SELECT column_name FROM information_schema.columns
     WHERE table_name = 'datasets' AND column_name = ANY ($1) ORDER BY ordinal_position`,
    [columnNames],
  )
  return rows.map((row) => row.column_name)
}

/** Connects, so that afterwards nothing but a lock can hold the migrations up. */
export async function prepareRollout(databaseUrl: string): Promise<Rollout> {
  const prepared = columns.map(([column, type], index) => {
    const name = `migration-${index + 1}`
    const client = new pg.Client({ connectionString: databaseUrl, application_name: name })
    // If the connection is lost, the statement that runs rejects; the event has nothing to add.
    client.on('error', () => {})
    return { name, client, statement: `ALTER TABLE datasets ADD COLUMN ${column} ${type}` }
  })
  await Promise.all(prepared.map(({ client }) => client.connect()))
  return {
    async start(isQueued) {
      const migrations: Migration[] = []
      for (const { name, client, statement } of prepared) {
        const done = client.query(statement).then(() => {})
        // Who looks at `done` later must not be too late.
        done.catch(() => {})
        const migration = { name, statement, done }
        await isQueued(migration)
        migrations.push(migration)
      }
      return migrations
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(prepared.map(({ client }) => client.end()))
    },
  }
}
