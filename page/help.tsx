import { useEffect, useRef } from 'preact/hooks'
import { nextTheme } from './header.tsx'
import { access } from './session.ts'
import { helpIsOpen, selected, windowMillis, windows } from './settings.ts'
import { head, togglePause } from './store.ts'

const keys: readonly (readonly [string, string])[] = [
  ['/', 'find'],
  ['p', 'pause, or go on'],
  ['1 2 3', 'the last 1, 5, 15 minutes'],
  ['j k', 'the next, the previous finding'],
  ['t', 'light, dark, or as the system'],
  ['Escape', 'close what is open'],
  ['?', 'this help'],
]

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  const isOpen = helpIsOpen.value
  useEffect(() => {
    if (isOpen) dialog.current?.showModal()
    else dialog.current?.close()
  }, [isOpen])
  return (
    <dialog
      ref={dialog}
      aria-labelledby="help"
      onClose={() => {
        helpIsOpen.value = false
      }}
    >
      <div class="section-head">
        <h2 id="help">Keys and signs</h2>
        <button
          type="button"
          onClick={() => {
            helpIsOpen.value = false
          }}
        >
          Close
        </button>
      </div>
      <dl class="keys">
        {keys.map(([key, purpose]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{purpose}</dd>
          </div>
        ))}
      </dl>
      <ul class="signs">
        <li>
          <span class="bar sample" /> a checkout, in the color of its route
        </li>
        <li>
          <span class="bar sample">
            <span class="transaction" />
          </span>{' '}
          outlined: in a transaction
        </li>
        <li>
          <span class="bar sample suspected" /> a suspicion: it takes long
        </li>
        <li>
          <span class="bar sample leak" /> hatched: a leak
        </li>
        <li>
          <span class="bar sample tick" /> a caller that waits for a client
        </li>
      </ul>
      {head.value?.canEnd === false && (
        <p>
          The recording as a file for <a href="https://ui.perfetto.dev">Perfetto</a> and Chrome:{' '}
          <a href={access.current.url('trace')} download="pg-lifeguard-trace.json">
            download
          </a>
        </p>
      )}
    </dialog>
  )
}

function onKey(event: KeyboardEvent): void {
  const { target, key } = event
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const isTyping = target instanceof HTMLElement && /^(?:INPUT|SELECT|TEXTAREA)$/.test(target.tagName)
  if (key === 'Escape') {
    if (isTyping) target.blur()
    else selected.value = undefined
    return
  }
  if (isTyping) return
  const millis = windows[Number(key) - 1]
  if (millis !== undefined) windowMillis.value = millis
  else if (key === 'p') togglePause()
  else if (key === 't') nextTheme()
  else if (key === '?') helpIsOpen.value = !helpIsOpen.peek()
  else if (key === 'j') step(1)
  else if (key === 'k') step(-1)
  else if (key === '/') document.getElementById('find')?.focus()
  else return
  event.preventDefault()
}

/** Moves to another finding of the list, and opens it. */
function step(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-finding]')]
  const at = rows.findIndex(({ dataset }) => selected.peek() === `finding ${dataset.finding}`)
  const next =
    rows[at === -1 ? (by === 1 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))]
  if (next?.dataset.finding === undefined) return
  selected.value = `finding ${next.dataset.finding}`
  next.focus()
}
