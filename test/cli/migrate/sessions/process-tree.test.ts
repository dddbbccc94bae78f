import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  connectionIn,
  connectionsOfTree,
  parentIn,
  socketName,
} from '../../../../src/cli/migrate/sessions/process-tree.ts'

describe.runIf(process.platform === 'linux')('the sockets of a process tree', () => {
  it('are those of a process that a shell has started, and no others', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const script = `require('net').connect(${port}, '127.0.0.1')`
    const accepted = once(server, 'connection')
    const shell = spawn('sh', ['-c', `"${process.execPath}" -e "${script}"; true`])
    onTestFinished(() => void shell.kill())
    const [socket] = await accepted
    onTestFinished(() => socket.destroy())
    const found = await connectionsOfTree(shell.pid ?? 0)
    const [here, there] = [socketName('127.0.0.1', socket.remotePort), socketName('127.0.0.1', port ?? 0)]
    expect([...(found ?? [])]).toEqual([[here, there]])
    expect(await connectionsOfTree(2 ** 30)).toEqual(new Map())
  })

  it('are read as PostgreSQL prints them', () => {
    const line = (end: string) =>
      `  0: ${end} 0100007F:1538 01 00000000:00000000 00:00000000 00000000 0 0 4711 1`
    const read = (end: string) => connectionIn(line(end))[0]
    expect(read('0100007F:B1C2')).toEqual({
      inode: '4711',
      local: '127.0.0.1 45506',
      remote: '127.0.0.1 5432',
      isOpen: true,
    })
    expect(read('0000000000000000FFFF00000100007F:B1C2')?.local).toBe('127.0.0.1 45506')
    expect(read('00000000000000000000000001000000:B1C2')?.local).toBe('::1 45506')
    expect(read('B80D0120000000000000000001000000:0050')?.local).toBe('2001:db8::1 80')
    expect(connectionIn('')).toEqual([])
  })

  it('come with names that try to confuse', () => {
    expect(parentIn('12 (a) S 99 (b)) S 34 12 12')).toBe(34)
    expect(parentIn('')).toBeUndefined()
  })
})
