import { signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Close } from './details.tsx'
import { access } from './session.ts'
import { selected } from './settings.ts'

/** What is about to be ended, as the service has seen it; only the same session in the same state is ended. */
interface Preview {
  readonly pid: number
  readonly text: string
  /** Absent if it cannot be ended. */
  readonly ticket?: string
  /** Why it should be left alone: a backup, for instance. */
  readonly caution?: string
}

interface Outcome {
  readonly text: string
}

type Step =
  | { readonly is: 'asking' }
  | { readonly is: 'asked'; readonly preview: Preview }
  | { readonly is: 'ending'; readonly preview: Preview }
  | { readonly is: 'done'; readonly outcome: Outcome }
  | { readonly is: 'failed'; readonly reason: string }

const caution = signal(false)

/** Ends one session: a preview, a confirmation, an outcome. */
export function EndSession({ pid }: { readonly pid: number }) {
  const step = useSignal<Step>({ is: 'asking' })
  useEffect(() => {
    caution.value = false
    send<Preview>('preview', { pid }).then(
      (preview) => {
        step.value = { is: 'asked', preview }
      },
      (error: unknown) => {
        step.value = { is: 'failed', reason: String(error instanceof Error ? error.message : error) }
      },
    )
  }, [pid, step])

  async function end(preview: Preview): Promise<void> {
    step.value = { is: 'ending', preview }
    try {
      const outcome = await send<Outcome>('end', { ticket: preview.ticket, despiteCaution: caution.peek() })
      step.value = { is: 'done', outcome }
    } catch (error) {
      step.value = { is: 'failed', reason: String(error instanceof Error ? error.message : error) }
    }
  }

  const now = step.value
  return (
    <aside class="panel" aria-labelledby="panel">
      <div class="section-head">
        <h2 id="panel">End pid {pid}</h2>
        <Close />
      </div>
      {now.is === 'asking' && <p>Looking at the session...</p>}
      {(now.is === 'asked' || now.is === 'ending') && (
        <>
          <pre class="preview">{now.preview.text}</pre>
          {now.preview.ticket !== undefined && (
            <>
              {now.preview.caution !== undefined && (
                <label class="check">
                  <input
                    type="checkbox"
                    checked={caution.value}
                    onChange={(event) => {
                      caution.value = event.currentTarget.checked
                    }}
                  />
                  End it although it is {now.preview.caution}
                </label>
              )}
              <button
                type="button"
                class="danger"
                disabled={now.is === 'ending' || (now.preview.caution !== undefined && !caution.value)}
                onClick={() => void end(now.preview)}
              >
                {now.is === 'ending' ? 'Ending...' : `End pid ${pid}: roll its transaction back`}
              </button>{' '}
              <button
                type="button"
                onClick={() => {
                  selected.value = undefined
                }}
              >
                Leave it alone
              </button>
            </>
          )}
        </>
      )}
      {now.is === 'done' && (
        <pre class="preview" role="status">
          {now.outcome.text}
        </pre>
      )}
      {now.is === 'failed' && (
        <p class="trouble" role="status">
          {now.reason}
        </p>
      )}
    </aside>
  )
}

async function send<Answer>(part: string, body: object): Promise<Answer> {
  const response = await fetch(access.current.url(part), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...access.current.headers },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error((await response.text()).trim() || `the answer was ${response.status}`)
  return (await response.json()) as Answer
}
