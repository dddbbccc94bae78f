import { signal } from '@preact/signals'
import type { PageServer } from '../src/page/view/page-data.ts'
import { Forest, SessionLine } from './forest.tsx'
import { server } from './store.ts'

type Report = NonNullable<PageServer['report']>

const step = 20
const idleCount = signal(step)

/** The server's view: who blocks whom, who is idle in a transaction, which safety nets are off. */
export function ServerView() {
  const view = server.value
  if (view === undefined) return null
  const { report, lost, target, lookedAt } = view
  return (
    <section aria-labelledby="server">
      <div class="section-head">
        <h2 id="server">Server</h2>
        <p>{report === undefined ? target : `PostgreSQL ${report.server.version}, ${target}`}</p>
      </div>
      {lost !== undefined && (
        <p class="trouble" role="status">
          {report === undefined ? '' : 'From before, because '}
          {lost}
        </p>
      )}
      {report === undefined ? (
        lost === undefined && <p class="empty">Looking...</p>
      ) : (
        <>
          <Forest report={report} lookedAt={lookedAt} />
          <Idle report={report} lookedAt={lookedAt} />
          <Prepared report={report} />
          <Nets report={report} />
          {report.missingGrant !== undefined && (
            <p>
              {report.hiddenSessions} sessions cannot be seen by this role. To see all:{' '}
              <code>{report.missingGrant}</code>
            </p>
          )}
        </>
      )}
    </section>
  )
}

function Idle({ report, lookedAt }: { readonly report: Report; readonly lookedAt: number }) {
  const blocking = new Set(report.blocking.map(({ id }) => id))
  const idle = report.idleInTransaction.filter(({ pid }) => !blocking.has(`pid ${pid}`))
  if (idle.length === 0) return null
  return (
    <>
      <h3>Idle in a transaction, blocking nobody</h3>
      <ul class="sessions">
        {idle.slice(0, idleCount.value).map((session) => (
          <li key={session.pid}>
            <SessionLine session={session} lookedAt={lookedAt} isRoot={true} />
          </li>
        ))}
      </ul>
      {idle.length > idleCount.value && (
        <button
          type="button"
          class="more"
          onClick={() => {
            idleCount.value += step
          }}
        >
          Show more of {idle.length} sessions
        </button>
      )}
    </>
  )
}

function Prepared({ report: { prepared } }: { readonly report: Report }) {
  if (prepared.length === 0) return null
  return (
    <>
      <h3>Prepared transactions</h3>
      <ul class="sessions">
        {prepared.map(({ gid, owner, database, rollback }) => (
          <li key={gid}>
            <strong>{gid}</strong> of {owner} in database {database}
            {rollback !== undefined && (
              <div>
                To end it: <code>{rollback}</code>
              </div>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}

function Nets({ report: { safetyNets, server: about } }: { readonly report: Report }) {
  const off = safetyNets.filter(({ isOn }) => !isOn)
  if (off.length === 0) return null
  return (
    <details class="nets">
      <summary>
        {off.length} {off.length === 1 ? 'safety net is' : 'safety nets are'} off in database {about.database}
      </summary>
      <dl>
        {off.map(({ setting, purpose, statement }) => (
          <div key={setting}>
            <dt>
              <code>{setting}</code>
            </dt>
            <dd>
              {purpose}
              <br />
              <code>{statement}</code>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  )
}
