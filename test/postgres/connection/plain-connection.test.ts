import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ConnectionError, connectControl } from '../../../src/postgres/index.ts'
import { useDatabase } from '../../support/database.ts'
import { startProxy } from '../../support/tcp-proxy.ts'

const db = useDatabase()

describe('a connection', () => {
  it('tells a lost connection, and is closed then', async () => {
    const control = await connectControl({ url: db.url, env: {} })
    await db.terminate(control.pid)
    expect(await control.closed).toBeInstanceOf(ConnectionError)
    await expect(control.query('SELECT 1')).rejects.toBeInstanceOf(ConnectionError)
    await control.close()
  })

  it('gives up on a server that does not answer', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as { port: number }
    await expect(
      connectControl({ url: `postgres://u:hunter22@127.0.0.1:${port}/db`, env: {}, connectMillis: 200 }),
    ).rejects.toMatchObject({ name: 'ConnectionError', reason: 'ETIMEDOUT' })
  })

  it('gives up on an answer that does not come', async () => {
    const proxy = await startProxy(db.config.port)
    onTestFinished(() => proxy.close())
    const control = await connectControl({ url: proxy.url(db.url), env: {}, statementMillis: 100 })
    proxy.freeze()
    await expect(control.query('SELECT 1')).rejects.toMatchObject({
      name: 'ConnectionError',
      reason: 'ETIMEDOUT',
    })
    await control.close()
  })

  it('is over soon after close(), also where the network swallows everything', async () => {
    const proxy = await startProxy(db.config.port)
    onTestFinished(() => proxy.close())
    const control = await connectControl({ url: proxy.url(db.url), env: {} })
    proxy.freeze()
    await control.close()
    expect(await control.closed).toBeUndefined()
  })
})
