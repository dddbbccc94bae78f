import { startService } from './app.ts'
import { play } from './play.ts'

await play(startService)
