import type { PageCheckout } from '../src/page/view/page-data.ts'
import { EndSession } from './end-session.tsx'
import { byUrgency } from './model.ts'
import { selected, toggleFilter } from './settings.ts'
import { now, sections } from './store.ts'
import { duration, labelOf, stateOf } from './words.ts'

/** What is selected: one checkout, or a session to end. Findings open in their list. */
export function Details() {
  const [, what, id = ''] = /^(checkout|session) (.+)$/.exec(selected.value ?? '') ?? []
  if (what === 'session') return <EndSession key={id} pid={Number(id)} />
  if (what !== 'checkout') return null
  const checkout = sections.checkouts.value.get(id)
  return (
    <aside class="panel" aria-labelledby="panel">
      <div class="section-head">
        <h2 id="panel">{checkout === undefined ? `checkout ${id}` : labelOf(checkout)}</h2>
        <Close />
      </div>
      {checkout === undefined ? (
        <p>It is no longer in the recording.</p>
      ) : (
        <CheckoutFacts checkout={checkout} />
      )}
    </aside>
  )
}

export function Close() {
  return (
    <button
      type="button"
      title="Close (key Escape)"
      onClick={() => {
        selected.value = undefined
      }}
    >
      Close
    </button>
  )
}

function CheckoutFacts({ checkout }: { readonly checkout: PageCheckout }) {
  const { acquiredAt, endedAt, requestedAt, place, route, pid, transactions, within, ending } = checkout
  const time = (at: number) => new Date(at).toLocaleTimeString()
  const findings = [...sections.findings.value.values()]
    .filter((finding) => finding.checkout === checkout.id)
    .toSorted(byUrgency)
  const open = transactions.find(([, end]) => end === undefined)
  const facts: (readonly [string, string | undefined])[] = [
    [
      'state',
      endedAt === undefined ? stateOf(checkout, now.value) : `ended ${duration(now.value - endedAt)} ago`,
    ],
    ['line', place === undefined ? undefined : `${place}${within === undefined ? '' : ` in ${within}`}`],
    ['pool', checkout.pool],
    ['request', checkout.scopeId],
    ['session', pid === undefined ? undefined : `pid ${pid}`],
    ['waited', checkout.queued ? duration((acquiredAt ?? endedAt ?? now.value) - requestedAt) : undefined],
    [
      'held',
      acquiredAt === undefined
        ? undefined
        : `${duration((endedAt ?? now.value) - acquiredAt)}, since ${time(acquiredAt)}`,
    ],
    ['ended', ending],
    [
      'transaction',
      open !== undefined
        ? `open for ${duration(now.value - open[0])}`
        : transactions.length === 0
          ? undefined
          : `${transactions.length}, all ended`,
    ],
    ['statements', checkout.now === undefined ? undefined : String(checkout.now.queryCount)],
    ['last statement', checkout.now?.lastQuery],
    ['exempted', checkout.now?.exemption],
  ]
  return (
    <>
      <dl>
        {facts.map(([name, text]) =>
          text === undefined ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{name === 'line' || name === 'last statement' ? <code>{text}</code> : text}</dd>
            </div>
          ),
        )}
      </dl>
      {findings.length > 0 && (
        <ul class="plain-list">
          {findings.map(({ id, kind, certainty }) => (
            <li key={id}>
              <button
                type="button"
                class="link"
                onClick={() => {
                  selected.value = `finding ${id}`
                }}
              >
                {kind} ({certainty})
              </button>
            </li>
          ))}
        </ul>
      )}
      {route !== undefined && (
        <button type="button" onClick={() => toggleFilter('route', route)}>
          Only this route
        </button>
      )}
    </>
  )
}
