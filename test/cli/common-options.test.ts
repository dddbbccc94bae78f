import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connect, spareOption } from '../../src/cli/common-options.ts'
import { ConnectionError } from '../../src/errors.ts'
import { useDatabase } from '../support/database.ts'
import { exitCode, pgLifeguard } from './command-line.ts'

const db = useDatabase()

describe('a value that cannot be', () => {
  it.each([
    ['--connect-timeout <duration>', '0', 'It must be longer than 0.'],
    ['--connect-timeout <duration>', 'soon', 'It must be a duration such as'],
    ['--query-text <mode>', 'some', 'Allowed choices are redacted, full, none.'],
  ])('of %s, %s, is named with its option', async (flags, value, reason) => {
    const { code, err } = await pgLifeguard(['check', flags.split(' ')[0] ?? '', value])
    expect(err).toContain(`option '${flags}' argument '${value}' is invalid. ${reason}`)
    expect(code).toBe(exitCode.usage)
  })
})

describe('--spare', () => {
  it('takes the whole of a name, whatever is in it', () => {
    expect(spareOption.parse?.('application=nightly=report\n2')).toBe('nightly=report\n2')
  })

  it.each(['nightly', 'application=', 'user=app', ' application=x'])('refuses %j', (text) => {
    expect(() => spareOption.parse?.(text)).toThrow('It must look like application=nightly-report.')
  })
})

describe('connect', () => {
  const connectTimeout = 10_000
  const nowhere = 'postgres://nobody@127.0.0.1:1/nothing'

  it('prefers --url to the environment, and --database to the database of the URL', async () => {
    const url = db.url.replace(`/${db.name}`, '/postgres')
    const options = { url, database: db.name, connectTimeout }
    await using control = await connect({ options, env: { DATABASE_URL: nowhere } })
    const { rows } = await control.query('SELECT current_database() AS name')
    expect(rows).toEqual([{ name: db.name }])
  })

  it('takes the environment without --url, and limits statements as asked', async () => {
    const given = { options: { connectTimeout }, env: { DATABASE_URL: db.url } }
    await using control = await connect(given, { statementMillis: 4_321 })
    const { rows } = await control.query("SELECT current_setting('statement_timeout') AS value")
    expect(rows).toEqual([{ value: '4321ms' }])
  })

  it('gives up on a server that does not answer within --connect-timeout', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {}).resume())
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as { port: number }
    const options = { url: `postgres://app@127.0.0.1:${port}/shop`, connectTimeout: 50 }
    await expect(connect({ options, env: {} })).rejects.toThrow(ConnectionError)
  })
})
