import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { blindService, guardedService, pretendedService } from '../../testing/guarded-service.ts'
import { exitCode, pgLifeguard } from '../command-line.ts'

const db = useDatabase()

const verify = (app: string, ...args: string[]) =>
  pgLifeguard(['verify', '--app', app, '--settle', '30ms', ...args])

describe('verify', () => {
  it('says so when nothing is left behind', async () => {
    const { app, visit } = await guardedService(db)
    await visit('/clean')
    expect(await verify(app)).toEqual({
      code: exitCode.clean,
      out: `no leaks in ${app}`,
      err: '',
    })
  })

  it('shows each leak with its source, and fails', async () => {
    const { app, visit } = await guardedService(db)
    await visit('/forgets')
    await visit('/dirty')
    const { code, out } = await verify(app)
    expect(code).toBe(exitCode.found)
    expect(out).toContain('leak: dirty-release in pool main')
    expect(out).toContain('leak: outlived-scope in pool main')
    expect(out).toContain('in request GET /forgets')
    expect(out).toMatch(/> \d+ \| +const client = await pool\.connect\(\)/)
    expect(out).toContain(`2 leaks in ${app}`)
  })

  it('prints the findings for programs', async () => {
    const { app, visit } = await guardedService(db)
    await visit('/forgets')
    const { code, out } = await verify(app, '--json')
    expect(code).toBe(exitCode.found)
    expect(JSON.parse(out)).toMatchObject({ app, leaks: [{ kind: 'outlived-scope', pool: 'main' }] })
    const blind = await blindService()
    const { blindness } = JSON.parse((await verify(blind, '--json')).out) as { blindness: string }
    expect(blindness).toMatch(/watches no pool/)
  })

  it('does not pass an application whose lifeguard watches no pool', async () => {
    const { code, out, err } = await verify(await blindService())
    expect(code).toBe(exitCode.notAllVisible)
    expect(err).toMatch(/its lifeguard watches no pool, so it sees nothing/)
    expect(out).toBe('')
  })

  it.each([
    ['origin=guarded-service.ts', exitCode.clean],
    ['scope=GET /forgets', exitCode.clean],
    ['kind=outlived-scope', exitCode.clean],
    ['reason=still checked out', exitCode.clean],
    ['origin=elsewhere.ts', exitCode.found],
    ['kind=leak', exitCode.usage],
    ['colour=red', exitCode.usage],
    ['origin=', exitCode.usage],
  ])('with --ignore %s exits with %d', async (rule, code) => {
    const { app, visit } = await guardedService(db)
    await visit('/forgets')
    expect((await verify(app, '--ignore', rule)).code).toBe(code)
    // Others beside it change nothing.
    expect((await verify(app, '--ignore', 'origin=nowhere.ts', '--ignore', rule)).code).toBe(code)
  })

  it('is only about the time that it is asked for', async () => {
    const { app, visit, guarded } = await guardedService(db)
    await visit('/dirty')
    const snapshot = JSON.parse(JSON.stringify(guarded.lifeguard.snapshot()))
    // An hour later, by the clock of the application.
    const later = { ...snapshot, takenAt: snapshot.takenAt + 3_600_000 }
    const pretended = await pretendedService({ '': { service: 'pg-lifeguard' }, snapshot: later })
    expect((await verify(pretended, '--within', '59m')).code).toBe(exitCode.clean)
    expect((await verify(pretended, '--within', '61m')).code).toBe(exitCode.found)
    expect((await verify(app, '--within', '0')).code).toBe(exitCode.usage)
  })

  it('says what is wrong with the command line', async () => {
    expect(await pgLifeguard(['verify'])).toMatchObject({
      code: exitCode.usage,
      err: expect.stringContaining('--app is required'),
    })
    expect((await verify('localhost:3000')).code).toBe(exitCode.usage)
    expect((await verify('http://127.0.0.1:9/lifeguard', '--settle', 'soon')).code).toBe(exitCode.usage)
  })

  it('fails when nobody answers', async () => {
    const { code, err } = await verify('http://127.0.0.1:9/lifeguard')
    expect(code).toBe(exitCode.noConnection)
    expect(err).toContain('http://127.0.0.1:9/lifeguard: ')
  })

  it('takes the token from the option or the environment, and tells how it is given', async () => {
    const { app } = await guardedService(db, { token: 'open sesame' })
    expect(await verify(app)).toMatchObject({
      code: exitCode.noConnection,
      err: expect.stringContaining('give its token with --app-token'),
    })
    expect((await verify(app, '--app-token', 'open sesame')).code).toBe(exitCode.clean)
    const env = { LIFEGUARD_TOKEN: 'open sesame' }
    expect((await pgLifeguard(['verify', '--app', app], { env })).code).toBe(exitCode.clean)
  })

  it('has help of its own: no server, and its exit codes', async () => {
    const { out } = await pgLifeguard(['verify', '--help'])
    expect(out).toContain('4  its lifeguard cannot see everything')
    expect(out).not.toContain('DATABASE_URL')
  })
})
