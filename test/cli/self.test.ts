import { describe, expect, it } from 'vitest'
import { selfCommand, terminateCommand } from '../../src/cli/self.ts'
import { openSession } from '../postgres/sessions.ts'
import { useDatabase } from '../support/database.ts'
import { pgLifeguard } from './command-line.ts'

const db = useDatabase()

describe('how the user runs the tool', () => {
  it.each([
    ['npm/10.8.2 node/v20.20.2 linux x64', '', 'npx pg-lifeguard'],
    ['pnpm/9.0.0 npm/? node/v20', '', 'pnpm exec pg-lifeguard'],
    ['yarn/4.0.0 npm/? node/v20', '', 'yarn pg-lifeguard'],
    ['bun/1.1.0 npm/? node/v20', '', 'bunx pg-lifeguard'],
    ['', '/srv/app/node_modules/.bin/pg-lifeguard', 'npx pg-lifeguard'],
    ['', '/usr/local/lib/node_modules/pg-lifeguard/dist/cli/main.js', 'pg-lifeguard'],
    ['', '/usr/local/bin/pg-lifeguard', 'pg-lifeguard'],
  ])('is found by %j and %j: %s', (agent, script, expected) => {
    expect(selfCommand({ npm_config_user_agent: agent }, script)).toBe(expected)
  })

  it('is in what check advises', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN; SELECT FROM items')
    const waiting = await openSession(db, 'waiting')
    await waiting.waitsFor('ALTER TABLE items ADD COLUMN y int')
    const env = { npm_config_user_agent: 'npm/10.8.2' }
    const { out } = await pgLifeguard(['check', '--database', db.name], { url: db.url, env })
    expect(out).toContain(`to end it: npx pg-lifeguard terminate --pid ${idle.pid}\n`)
    const named = await pgLifeguard(['check', '--url', db.url], { env: {} })
    const { host, pathname } = new URL(db.url)
    expect(named.out).toContain(
      `to end it: pg-lifeguard terminate --pid ${idle.pid} --url postgres://postgres@${host}${pathname}\n`,
    )
  })
})

describe('what is pasted', () => {
  it.each([
    ['postgres://app:hunter22@db/shop', '--url postgres://app@db/shop'],
    ['postgres://app:hun@ter22@db/shop', '--url postgres://app@db/shop'],
    [
      'postgres://app@db/shop?password=hunter22&sslmode=require',
      "--url 'postgres://app@db/shop?sslmode=require'",
    ],
    ["postgres://app@db/it's", `--url 'postgres://app@db/it'\\''s'`],
  ])('is for the same server as %s, without its password', (url, expected) => {
    expect(terminateCommand('pg-lifeguard', url)('--pid 1')).toBe(
      `pg-lifeguard terminate --pid 1 ${expected}`,
    )
  })
})
