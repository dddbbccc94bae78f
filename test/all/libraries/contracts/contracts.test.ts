import { describeContracts } from '../../../contracts/battery.ts'
import { libraries } from './libraries.ts'

describeContracts(libraries)
