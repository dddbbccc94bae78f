import { once } from 'node:events'
import { createServer } from 'node:net'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { packagedBinaries, startServer } from './embedded-server.ts'
import { eventually } from './eventually.ts'
import { ask, expectGone, launchStarter, patience } from './server-starter.ts'

// What the tests put down for other users has to be readable for them.
process.umask(0o022)

// Each starts a server of its own, for a second or more of one processor: together, and with time for a busy machine.
const manyServers = { concurrent: true, timeout: 60_000 }

describe('an embedded server', manyServers, () => {
  it('asks for its password, takes another port than a taken one, and is gone after stop', async () => {
    const listener = createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const address = listener.address()
    const takenPort = typeof address === 'object' && address ? address.port : 0

    const server = await startServer({ port: takenPort, settings: { max_connections: '42' } })
    listener.close()
    expect(takenPort).toBeGreaterThan(0)
    expect(server.port).not.toBe(takenPort)
    expect(server.version).toMatch(/^18\./)
    expect(await ask(server.url, 'SHOW max_connections')).toEqual({ max_connections: '42' })
    expect(await ask(server.url, 'SHOW max_prepared_transactions')).toEqual({
      max_prepared_transactions: '20',
    })
    const wrongPassword = new URL(server.url)
    wrongPassword.password = 'wrong'
    await expect(ask(wrongPassword.href, 'SELECT 1')).rejects.toThrow('password authentication failed')

    await Promise.all([server.stop(), server.stop()])
    await server.stop()
    await expectGone(server)
  })

  it('ends its sessions at once when killed', async () => {
    const server = await startServer()
    const client = new pg.Client(server.url)
    client.on('error', () => {})
    await client.connect()
    const sleep = client.query('SELECT pg_sleep(600)').then(
      () => 'slept',
      () => 'ended',
    )
    await server.kill()
    expect(await sleep).toBe('ended')
    await expectGone(server)
  })

  it('says why it does not start', async () => {
    await expect(startServer({ settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
      'invalid value for parameter "shared_buffers": "plenty"',
    )
    await expect(startServer({ binaries: '/nowhere' })).rejects.toThrow(/could not be started.*\/nowhere/)
  })
})

it('of a server nothing is left when its starter is killed', async ({ onTestFinished }) => {
  const starter = await launchStarter({ binaries: packagedBinaries(), ending: 'waits' })
  onTestFinished(starter.remove)
  const server = await starter.server
  starter.process.kill('SIGKILL')
  await eventually(async () => expect(await starter.traces()).toEqual([]), patience)
  await expectGone(server)
})
