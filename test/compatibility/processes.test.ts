import { describeProcesses } from './process-battery.ts'

describeProcesses(['enforce'])
