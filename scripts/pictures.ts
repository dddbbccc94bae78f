/**
 * Draws the report on the first screen of the README, as it is printed now, for light and dark pages.
 *
 *   npm run pictures
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { playReadme, reportIn, tables } from '../test/docs/readme-play.ts'
import { startServer } from '../test/support/embedded-server.ts'
import { palettes, terminalPicture } from './terminal-picture.ts'

const folder = join(import.meta.dirname, '../docs/pictures')

await using server = await startServer()
const client = new pg.Client(server.url)
await client.connect()
for (const table of tables) await client.query(table)
const { host, port, user, database, password } = client
await client.end()

const report = reportIn(
  await playReadme(
    { host, port, user: user ?? '', password: String(password), database: database ?? '' },
    { colors: true },
  ),
)
mkdirSync(folder, { recursive: true })
for (const [name, palette] of Object.entries(palettes)) {
  writeFileSync(join(folder, `report-${name}.svg`), terminalPicture(report, palette))
}
