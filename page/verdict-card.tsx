import { selected } from './settings.ts'
import type { Verdict } from './verdict.ts'

export function VerdictCard({ verdict: { level, title, facts } }: { readonly verdict: Verdict }) {
  return (
    <section class={`verdict ${level}`} aria-labelledby="verdict" aria-live="polite">
      <h2 id="verdict">{title}</h2>
      {facts.length > 0 && (
        <dl>
          {facts.map(({ name, text, show, isCode }) => (
            <div key={name} class={name.replaceAll(' ', '-')}>
              <dt>{name}</dt>
              <dd>
                {isCode === true ? <code>{text}</code> : text}{' '}
                {show !== undefined && (
                  <button
                    type="button"
                    class="link"
                    aria-label={`Show ${show}`}
                    onClick={() => {
                      selected.value = show
                    }}
                  >
                    show
                  </button>
                )}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  )
}
