import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, inject, it, onTestFinished } from 'vitest'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()
const root = join(import.meta.dirname, '../../..')

/** As a platform freezes a function between two calls: in a transaction, which is not the function's fault. */
const handler = `import pg from 'pg'
import { createLifeguard } from 'pg-lifeguard'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 })
const lifeguard = createLifeguard({ reporters: [], limits: { idleTransactionMillis: 3_000, scopeGraceMillis: 1_000 } })
lifeguard.watch(pool)
lifeguard.on('finding', ({ kind }) => console.log('found ' + kind))

// The wrapper of a handler: its scope ends when it returns.
const inScope = (name, handle) => (event) => lifeguard.runInScope({ kind: 'job', name }, () => handle(event))

const handle = inScope('orders', async () => {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    console.log('frozen now')
    await new Promise((resolve) => process.stdin.once('data', resolve))
    await client.query('COMMIT')
  } finally {
    client.release()
  }
})
await handle({})
console.log('done')
await pool.end()
await lifeguard.close()
process.exit()
`

it('a process that was frozen for longer than a limit accuses nobody', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-frozen-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(inject('compiledPackage'), join(folder, 'node_modules/pg-lifeguard'), 'junction')
  symlinkSync(join(root, 'node_modules/pg'), join(folder, 'node_modules/pg'), 'junction')
  writeFileSync(join(folder, 'handler.mjs'), handler)
  const child = spawn(process.execPath, ['handler.mjs'], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: db.url, NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  while (!output.includes('frozen now')) await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  await delay(4_500)
  child.kill('SIGCONT')
  // Timers that are overdue run first, then the handler goes on.
  await delay(300)
  child.stdin.write('go on\n')
  await once(child, 'close')
  expect(output.trim().split('\n')).toEqual(['frozen now', 'done'])
})
