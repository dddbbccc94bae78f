import { describeLives } from './battery.ts'

describeLives('Express 5')
