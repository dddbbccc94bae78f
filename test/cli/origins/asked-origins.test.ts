import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import type { Invocation } from '../../../src/cli/command.ts'
import { askForOrigins } from '../../../src/cli/origins/asked-origins.ts'
import { serverSnapshot } from '../../../src/postgres/index.ts'
import { plain } from '../../../src/text/style.ts'
import { clientOf, openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { exitCode, pgLifeguard } from '../command-line.ts'

const db = useDatabase()

/** An application that takes every request and answers when the test says so, or never. */
async function hangingApp() {
  const requests: http.ServerResponse[] = []
  const server = http.createServer((_, response) => void requests.push(response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/lifeguard`, requests }
}

function invocationWith(options: object) {
  const warnings: string[] = []
  const invocation: Invocation = {
    options: options as Invocation['options'],
    operands: [],
    env: {},
    self: 'pg-lifeguard',
    terminal: {
      print: () => {},
      warn: (text) => void warnings.push(text),
      style: plain,
      confirm: async () => undefined,
    },
  }
  return { invocation, warnings }
}

it('waits for an application no longer than it may, and says once that it goes on without', async () => {
  const { url } = await hangingApp()
  const { invocation, warnings } = invocationWith({ app: url })
  using asked = askForOrigins(invocation)
  const snapshot = await serverSnapshot(clientOf(db))
  for (const patience of [0, 20]) {
    const originOf = await asked.within(patience, snapshot)
    const sources = snapshot.sessions.map((session) => originOf(session)?.source)
    expect(sources).not.toContain('application')
  }
  expect(asked.isIncomplete).toBe(true)
  expect(warnings).toEqual(['pg-lifeguard: without lines of code: the application has not answered yet'])
})

it('aborts what it has asked when it is over', async () => {
  const { url, requests } = await hangingApp()
  const { invocation } = invocationWith({ app: url })
  const asked = askForOrigins(invocation)
  await asked.within(100, await serverSnapshot(clientOf(db)))
  const closed = once(
    requests[0] ?? new http.ServerResponse(new http.IncomingMessage(null as never)),
    'close',
  )
  asked[Symbol.dispose]()
  await closed
})

it('takes a PgBouncer that is gone for one source less', async () => {
  const { invocation, warnings } = invocationWith({ pgbouncer: 'postgres://admin@127.0.0.1:1/' })
  using asked = askForOrigins(invocation)
  await asked.within(5_000, await serverSnapshot(clientOf(db)))
  expect(warnings[0]).toMatch(
    /^pg-lifeguard: without lines of code: database pgbouncer at 127\.0\.0\.1:1 .*ECONNREFUSED/,
  )
  const wrong = invocationWith({ pgbouncer: 'admin@127.0.0.1' }).invocation
  using refused = askForOrigins(wrong)
  await expect(refused.within(100, await serverSnapshot(clientOf(db)))).rejects.toMatchObject({
    code: 'LIFEGUARD_OPTION',
  })
})

it('does not hold up what terminate does', async () => {
  const { url, requests } = await hangingApp()
  const idle = await openSession(db, 'idle')
  await idle.run('BEGIN')
  const args = ['terminate', '--pid', `${idle.pid}`, '--yes', '--app', url]
  const { code, out, err } = await pgLifeguard(args, { url: db.url })
  expect(out).toContain(`pid ${idle.pid}  ended`)
  expect(code).toBe(exitCode.clean)
  expect(err).toContain('the application has not answered yet')
  expect(requests.length).toBeLessThanOrEqual(1)
})
