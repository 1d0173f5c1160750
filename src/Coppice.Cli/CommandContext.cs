using System.CommandLine;

namespace Coppice.Cli;

/// <summary>What a command works with: its parsed options, its output and ctrl-C.</summary>
internal sealed class CommandContext(ParseResult parse, CommandOutput output, Interrupts interrupts)
{
    public CommandOutput Output => output;
    public Interrupts Interrupts => interrupts;

    /// <summary>The value of an option, or its default.</summary>
    public T? Value<T>(Option<T> option) => parse.GetValue(option);

    /// <summary>The value of an argument, or its default.</summary>
    public T? Value<T>(Argument<T> argument) => parse.GetValue(argument);

    /// <summary>Whether the user wrote the option.</summary>
    public bool Has(Option option) => parse.GetResult(option) is { Implicit: false };

    /// <summary>An error in the way the command was called.</summary>
    public UsageException Usage(string message) => new(message, CoppiceCommand.NameOf(parse.CommandResult.Command));

    /// <summary>The one among options that exclude each other which the user wrote, or null where there is none.</summary>
    public Symbol? OneOf(params ReadOnlySpan<Symbol> choices)
    {
        Symbol? found = null;
        foreach (var choice in choices)
        {
            if (!(choice is Option option ? Has(option) : IsGiven((Argument)choice))) continue;
            if (found is not null) throw Usage($"{Label(found)} and {Label(choice)} exclude each other");
            found = choice;
        }
        return found;
    }

    /// <summary>A misspelt option would pass for a text, so a text that looks like one must stand after "--".</summary>
    private bool IsGiven(Argument argument)
    {
        if (parse.GetResult(argument) is not { Tokens.Count: > 0 }) return false;
        return Mistakes.UnknownOption(parse) is { } unknown
            ? throw Usage(Mistakes.Describe(unknown, parse.CommandResult.Command))
            : true;
    }

    private static string Label(Symbol symbol) =>
        symbol is Argument argument ? $"the argument {argument.HelpName ?? argument.Name}" : symbol.Name;
}
