import { describe, expect, it } from 'vitest'
import type { TerminateOptions } from '../../../src/cli/terminate/options.ts'
import type { Plan } from '../../../src/cli/terminate/plan.ts'
import { aftermathText, previewText, resultLines } from '../../../src/cli/terminate/text.ts'
import { blockingTree, type ServerSession, type ServerSnapshot } from '../../../src/postgres/index.ts'
import { plain } from '../../../src/text/style.ts'

const layout = { style: plain }
const options: TerminateOptions = { pid: 1, wait: 5_000, connectTimeout: 10_000, queryText: 'redacted' }
const nowhere = () => undefined
const minute = 60_000

const client = (pid: number, more: Partial<ServerSession> = {}): ServerSession => ({
  ...{ pid, hidden: false, backendType: 'client backend', application: 'api', state: 'active' },
  ...more,
})
const idle = client(1, {
  state: 'idle in transaction',
  stateMillis: 41 * minute,
  transactionMillis: 60 * minute,
})

function snapshotOf(sessions: readonly ServerSession[], more: Partial<ServerSnapshot> = {}): ServerSnapshot {
  return {
    takenAt: '2026-01-01',
    server: {
      ...{ version: '18.4', versionNumber: 180_004, database: 'shop', databaseId: 1, role: 'checker' },
      ...{ seesAll: true, inRecovery: false },
    },
    ...{ sessions, waits: [], blocks: [], prepared: [], hiddenSessions: 0 },
    ...more,
  }
}

/** The first session stands in the way of so many others, whose pids begin with 101. */
function preview(
  target: ServerSession,
  waiting: number,
  more: Partial<TerminateOptions> = {},
  chosen: Partial<Plan> = {},
): string {
  const waiters = Array.from({ length: waiting }, (_, at) => client(101 + at))
  const snapshot = snapshotOf([target, ...waiters], {
    blocks: waiters.map(({ pid }) => ({ blocked: pid, blockerPid: target.pid, kind: 'hard' })),
  })
  const tree = blockingTree(snapshot)
  const whole = { all: snapshot, snapshot, tree, targets: [target], refused: [], prepared: [], spared: [] }
  return previewText({ ...whole, ...chosen }, { ...options, ...more }, nowhere, layout)
}

describe('the preview', () => {
  it('names the session, what is lost and who is freed', () => {
    expect(preview(idle, 2).split('\n')).toEqual([
      'pid 1  idle in transaction for 41 min, transaction open for 1 h',
      '  application api',
      '  its transaction, open for 1 h, is rolled back; 2 sessions are freed: pid 101, pid 102',
    ])
  })

  it('names a dozen of those who are freed, and counts the rest', () => {
    const text = preview(idle, 15)
    expect(text).toContain('15 sessions are freed: pid 101, ')
    expect(text).toMatch(/pid 112 and 3 more$/)
  })

  it('says that nothing is lost only where no transaction is open', () => {
    expect(preview(client(1, { state: 'idle' }), 0)).toContain(
      '  no transaction is lost; no session is freed',
    )
    expect(preview(client(1, { state: 'idle in transaction (aborted)' }), 0)).toContain(
      '  its transaction is rolled back; no session is freed',
    )
  })

  it('says what --cancel does to it', () => {
    expect(preview(client(1, { transactionMillis: minute }), 0, { cancel: true })).toContain(
      '  its statement is cancelled; no session is freed',
    )
    expect(preview(idle, 1, { cancel: true })).toContain(
      'is rolled back; 1 session is freed: pid 101 (it is running no statement to cancel)',
    )
  })

  it('says why a session is spared, and what ends it all the same unless the user has named it', () => {
    const spared = [
      { session: client(2, { application: 'pg_dump' }), reason: 'a backup: ending it spoils it' },
      { session: client(3, { application: 'report' }), reason: 'spared by --spare application=report' },
    ]
    expect(preview(idle, 0, { blocking: 9, spare: ['report'] }, { targets: [], spared }).split('\n')).toEqual(
      [
        'pid 2  spared: a backup: ending it spoils it. Only --pid can end it, with a separate confirmation',
        '  application pg_dump',
        '',
        'pid 3  spared by --spare application=report',
        '  application report',
        '',
        'Nothing else to end.',
      ],
    )
  })

  it('has the statements for a prepared transaction, which has no session to end', () => {
    const one = { gid: 'transfer', owner: 'app', database: 'shop', preparedAt: '', millis: 5 * minute }
    const text = preview(idle, 0, { blocking: 9 }, { targets: [], prepared: [one] })
    expect(text).toContain(
      "prepared transaction 'transfer' for 5 min, owner app, database shop, has no session\n",
    )
    expect(text).toContain("\n    ROLLBACK PREPARED 'transfer';\n")
  })

  it('says that there is nothing to end, and who cannot be seen', () => {
    expect(preview(idle, 0, { blocking: 9 }, { targets: [] })).toBe(
      'pid 9 does not wait for another session.',
    )
    const missingGrant = 'GRANT pg_read_all_stats TO checker'
    const snapshot = snapshotOf([], { hiddenSessions: 3, missingGrant })
    expect(
      preview(idle, 0, { idleInTransaction: 10 * minute }, { targets: [], snapshot }).split('\n'),
    ).toEqual([
      'No session is idle in a transaction for 10 min or longer.',
      `3 sessions cannot be seen by this role. To see all: ${missingGrant}`,
    ])
  })
})

describe('the result for a session', () => {
  it('is its outcome, and that it lives on if only its statement ended', () => {
    expect(resultLines({ pid: 1, outcome: 'ended' }, layout)).toEqual(['pid 1  ended'])
    expect(resultLines({ pid: 1, outcome: 'ended', cancelled: true }, layout)).toEqual([
      'pid 1  its statement has ended, the session continues',
    ])
    const detail = 'its statement still runs 5000 ms after the signal'
    expect(resultLines({ pid: 1, outcome: 'signalled', detail, cancelled: true }, layout)).toEqual([
      `pid 1  signalled: ${detail}`,
    ])
  })

  it('has the grant that is missing on a line of its own, whole', () => {
    const grant = 'GRANT pg_read_all_stats, pg_signal_backend TO somebody'
    const denied = { pid: 1, outcome: 'denied', detail: 'it may not be signalled by us', grant } as const
    const lines = resultLines(denied, { ...layout, columns: 40 })
    expect(lines.slice(0, -1).every((line) => line.length <= 40)).toBe(true)
    expect(lines.at(-1)).toBe(`  ${grant}`)
  })

  it('cannot steer the terminal by the name of a role', () => {
    const detail = 'the role x may not signal sessions of \u001b[2J\npid 2  ended'
    expect(resultLines({ pid: 1, outcome: 'denied', detail }, layout)).toEqual([
      'pid 1  denied: the role x may not signal sessions of \ufffd[2J pid 2 ended',
    ])
  })
})

describe('the aftermath', () => {
  const aftermath = (free: number[], blocked: readonly number[], more: Partial<ServerSnapshot> = {}) => {
    const snapshot = snapshotOf([idle, ...blocked.map((pid) => client(pid))], {
      blocks: blocked.map((pid) => ({ blocked: pid, blockerPid: 1, kind: 'hard' })),
      ...more,
    })
    const tree = blockingTree(snapshot)
    const stillBlocked = blocked.map((pid) => ({ pid, roots: tree.roots }))
    return aftermathText({ free, stillBlocked, snapshot, tree }, options, nowhere, layout)
  }

  it('counts those who are free, and says all only where nobody is left', () => {
    expect(aftermath([], [])).toBe('No session waited for it.')
    expect(aftermath([5], [])).toBe('1 session that waited is free.')
    expect(aftermath([5, 6], [])).toBe('All 2 sessions that waited are free.')
    expect(aftermath([5, 6], [7])).toMatch(/^2 sessions that waited are free\.\n1 session still blocked/)
  })

  it('shows whom the others still wait for, once', () => {
    expect(aftermath([], [7, 8]).split('\n')).toEqual([
      '2 sessions still blocked (pid 7, pid 8), behind:',
      '  pid 1  idle in transaction for 41 min, transaction open for 1 h',
      '    application api',
    ])
  })

  it('names a prepared transaction that is in the way', () => {
    const one = { gid: 'trans\u001b[2Jfer', owner: 'app', database: 'shop', preparedAt: '', millis: minute }
    const blocks = [{ blocked: 7, blockerGid: one.gid, kind: 'hard' }] as const
    expect(aftermath([], [7], { blocks, prepared: [one] }).split('\n')[1]).toBe(
      "  prepared transaction 'trans\ufffd[2Jfer' for 1 min, owner app, database shop",
    )
  })
})
