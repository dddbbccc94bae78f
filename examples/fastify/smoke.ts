import { play } from '../express/play.ts'
import { startService } from './app.ts'

await play(startService)
