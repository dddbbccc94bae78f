import { render } from 'preact'
import { App } from './app.tsx'
import { followFeed } from './feed.ts'
import { openSession } from './session.ts'
import { followAddress } from './settings.ts'
import { apply, connection, tick } from './store.ts'

const place = document.getElementById('page')
if (place !== null) render(<App />, place)

followAddress()
setInterval(tick, 1_000)
void openSession().then((access) => followFeed(access, apply, connection))
