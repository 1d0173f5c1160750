using System.CommandLine;
using System.CommandLine.Invocation;
using Coppice.Cli;

// A prompt may begin with @ or -.
var configuration = new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false };
var result = CoppiceCommand.Create().Parse(args, configuration);
if (result.Action is ParseErrorAction)
{
    using var output = new CommandOutput(json: true, verbose: false);
    return Failure.Report(new UsageException(result.Errors[0].Message, CoppiceCommand.NameOf(result.CommandResult.Command)), output);
}
return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
