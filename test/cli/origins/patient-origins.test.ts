import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import type { Invocation } from '../../../src/cli/command.ts'
import { patientOrigins, withOrigin } from '../../../src/cli/origins/patient-origins.ts'
import { serverSnapshot } from '../../../src/postgres/index.ts'
import { plain } from '../../../src/text/style.ts'
import { clientOf } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

it('goes on without an application, warns when it is gone, and again only after it was back', async () => {
  let isBroken = false
  const server = http
    .createServer(({ url }, response) => {
      if (isBroken) response.writeHead(500)
      const isSnapshot = url?.endsWith('snapshot') === true
      response.end(JSON.stringify(isSnapshot ? { checkouts: [] } : { service: 'pg-lifeguard' }))
    })
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const app = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lifeguard`
  const warnings: string[] = []
  const invocation: Invocation = {
    ...{ options: { app }, operands: [], env: {}, self: 'pg-lifeguard' },
    terminal: {
      print: () => {},
      warn: (text) => void warnings.push(text),
      style: plain,
      confirm: async () => undefined,
    },
  }
  const origins = patientOrigins(invocation)
  const snapshot = await serverSnapshot(clientOf(db))
  const seen: number[] = []
  for (const broken of [false, true, true, false, true]) {
    isBroken = broken
    await origins(snapshot)
    seen.push(warnings.length)
  }
  expect(seen).toEqual([0, 1, 1, 1, 2])
  expect(warnings[0]).toBe(`pg-lifeguard: without lines of code: ${app}: answered 500`)
})

it('adds an origin to a report, in one line that steers no terminal', () => {
  const session = { pid: 1, hidden: false }
  const originOf = () => ({ source: 'tag' as const, text: 'src/a.ts:1\n\u001b[31m' })
  expect(withOrigin({ pid: 1 }, session, originOf).origin?.text).toBe('src/a.ts:1 \ufffd[31m')
  expect(withOrigin({ pid: 1 }, session, () => undefined)).toEqual({ pid: 1 })
  expect(withOrigin({ pid: 1 }, undefined, originOf)).toEqual({ pid: 1 })
})
