import { describe, expect, it } from 'vitest'
import type { Query } from '../../../src/hosts/postgres-js/driver.ts'
import { Statement } from '../../../src/hosts/postgres-js/statement.ts'

function queryOf(parts: Partial<Query> = {}) {
  const told: unknown[] = []
  const query = {
    strings: ['SELECT ', ''],
    tagged: true,
    origin: 'Error\n    at work (/app/work.ts:1:2)',
    options: {},
    resolve: (value: unknown) => told.push(['resolved', value]),
    reject: (error: unknown) => told.push(['rejected', error]),
    ...parts,
  } as unknown as Query
  return { query, told }
}

function followed(parts: Partial<Query> = {}) {
  const { query, told } = queryOf(parts)
  const statement = new Statement(query)
  let isPending = true
  statement.follow({
    answered(_statement, error) {
      isPending = false
      told.push(['answered', error])
    },
    isForgotten: () => !isPending,
    closes: (returned) => returned === 'close',
  })
  return { query, statement, told }
}

describe('a statement of postgres.js', () => {
  it('has a text without values, and the place of its template', () => {
    const { query } = queryOf()
    const statement = new Statement(query)
    expect(statement.text).toBe('SELECT $1')
    expect(statement.sentFrom?.stack).toContain('/app/work.ts:1:2')
    expect(new Statement(queryOf({ tagged: false }).query).sentFrom).toBeUndefined()
    expect('write' in statement || 'pipe' in statement).toBe(false)
  })

  it('is answered when the driver settles it', () => {
    const { query, statement, told } = followed()
    const result = Object.assign([{ a: 1 }], { command: 'SELECT', count: 1 })
    query.resolve(result)
    expect(told).toEqual([
      ['answered', undefined],
      ['resolved', result],
    ])
    expect(statement._result).toEqual({ command: 'SELECT', rows: result, rowCount: 1 })
  })

  it('is answered before its failure is told, with whatever error the guard has put in its place', () => {
    const { query, statement, told } = followed()
    const { handleError } = statement
    statement.handleError = () => handleError.call(statement, 'translated')
    query.reject('failed')
    expect(told).toEqual([
      ['answered', 'failed'],
      ['rejected', 'translated'],
    ])
  })

  it('that gives a stream is at work until it is settled a second time', () => {
    const { query, statement, told } = followed()
    const stream = { write() {}, destroyed: false }
    query.resolve(stream)
    expect(told).toEqual([['resolved', stream]])
    expect([statement.write, statement.destroyed]).toEqual([stream.write, false])
    query.resolve([])
    expect(told.slice(1)).toEqual([
      ['answered', undefined],
      ['resolved', []],
    ])
  })

  it('that is described is answered by the second answer', () => {
    const description = { columns: [] }
    const { query, told } = followed({ onlyDescribe: true, statement: description } as Partial<Query>)
    query.resolve(description)
    query.resolve([])
    expect(told.map((entry) => (entry as unknown[])[0])).toEqual(['resolved', 'answered', 'resolved'])
  })

  it('with a cursor shows it, and leaves it to the connection to say when it is over', () => {
    const { query, statement, told } = followed({ cursorFn: () => {} })
    expect(statement.cursor).toMatchObject({ state: 'open' })
    const turns: unknown[] = []
    query.reject = (error) => turns.push(error)
    query.resolve([])
    query.reject('failed')
    expect(turns).toEqual(['failed'])
    expect(statement.error).toBe('failed')
    expect(told).toEqual([['resolved', []]])
  })

  it('has closed its cursor once a callback says so, and not before', async () => {
    const { query, statement } = followed({ cursorFn: () => 'go on' })
    const read = () => Reflect.apply(query.cursorFn as () => unknown, query, [[]])
    expect(read()).toBe('go on')
    await Promise.resolve()
    expect(statement.cursor?.state).toBe('open')
    Reflect.set(query, 'cursorFn', () => Promise.resolve('close'))
    await read()
    await Promise.resolve()
    expect(statement.cursor?.state).toBe('done')
  })

  it('that was never sent fails as it is', () => {
    const { query, told } = queryOf()
    new Statement(query).handleError('refused')
    expect(told).toEqual([['rejected', 'refused']])
  })
})
