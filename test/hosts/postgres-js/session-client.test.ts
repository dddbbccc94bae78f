import { describe, expect, it } from 'vitest'
import type { DriverSql, Query } from '../../../src/hosts/postgres-js/driver.ts'
import { SessionClient } from '../../../src/hosts/postgres-js/session-client.ts'
import { Statement } from '../../../src/hosts/postgres-js/statement.ts'
import { ToyDriver, ToyError, ToyQuery } from './toy-driver.ts'

function session() {
  const written: ToyQuery[] = []
  const told: string[] = []
  const { sql } = new ToyDriver()
  const client = new SessionClient({
    sql: sql as unknown as DriverSql,
    write(query) {
      written.push(query as unknown as ToyQuery)
      return true
    },
    sending: () => told.push('sending'),
    rollingBack: () => told.push('own'),
    ready: ({ text }) => told.push(`ready after ${text}`),
  })
  client.connection.on('readyForQuery', (message) => {
    told.push(`${(message as { status: string }).status} after ${client._activeQuery?.text}`)
  })
  const send = (text: string) => {
    const statement = new Statement(new ToyQuery(text, () => {}) as unknown as Query)
    client.query(statement)
    statement.query.executed = true
    return statement
  }
  return { client, written, told, send }
}

const result = (command: string, rows: unknown[] = []) => Object.assign(rows, { command, count: rows.length })

describe('a session of postgres.js as a client', () => {
  it('has the state of its transaction after each answer', () => {
    const { client, written, told, send } = session()
    send('BEGIN')
    send('SELECT 1')
    expect([client.readyForQuery, client._activeQuery?.text, client._sentQueryQueue.length]).toEqual([
      false,
      'BEGIN',
      1,
    ])
    written[0]?.resolve(result('BEGIN'))
    expect([client.getTransactionStatus(), client._activeQuery?.text]).toEqual(['T', 'SELECT 1'])
    written[1]?.catch(() => {})
    written[1]?.reject(new ToyError('22012'))
    expect([client.getTransactionStatus(), client.readyForQuery]).toEqual(['E', true])
    expect(told).toEqual(['sending', 'sending', 'T after BEGIN', 'E after SELECT 1', 'ready after SELECT 1'])
  })

  it('keeps the transaction as it was where a statement has failed before it was sent', () => {
    const { client, written, send } = session()
    client.opened()
    send('SELECT 1')
    written[0]?.catch(() => {})
    written[0]?.reject(new TypeError('cannot be serialised'))
    expect(client.getTransactionStatus()).toBe('T')
  })

  it('answers statements of the guard by callback, as node-postgres does', async () => {
    const { client, written, told } = session()
    const answers: unknown[] = []
    client.query('ROLLBACK', (error: unknown) => answers.push(error))
    client.query({ text: 'SELECT a' }, (error: unknown, read: unknown) => answers.push([error, read]))
    written[0]?.resolve(result('ROLLBACK'))
    written[1]?.resolve(result('SELECT', [[Buffer.from('a')]]))
    expect(answers).toEqual([undefined, [undefined, { rows: expect.anything() }]])
    expect(told.filter((entry) => entry === 'own')).toHaveLength(2)
    expect(written.every(({ executed }) => executed)).toBe(true)
  })

  it('waits for nothing any more once the server is ready', () => {
    const { client, told, send } = session()
    send('SELECT 1')
    client.settle()
    expect(client.readyForQuery).toBe(true)
    expect(told).toContain('ready after SELECT 1')
  })

  it('is gone when its connection is lost, and says why unless this process has closed it', () => {
    for (const isOurs of [false, true]) {
      const { client } = session()
      const events: unknown[] = []
      client.on('error', (error) => events.push(error))
      client.on('end', () => events.push('end'))
      client._ending = isOurs
      const error = new Error('lost')
      client.lost(error)
      client.lost(error)
      expect(events).toEqual(isOurs ? ['end'] : [error, 'end'])
      expect([client.gone, client.getTransactionStatus()]).toEqual([true, 'I'])
    }
  })

  it('has nothing to cancel where nothing runs', async () => {
    await expect(session().client.cancelRunning()).rejects.toThrow('no statement is running')
  })
})
