using System.CommandLine;
using System.CommandLine.Parsing;
using Coppice.Settings;

namespace Coppice.Cli;

/// <summary>What a user has mistyped: names it, and what was probably meant.</summary>
internal static class Mistakes
{
    private const char EnDash = '\u2013', EmDash = '\u2014', Minus = '\u2212';

    /// <summary>The error of a command line that cannot be parsed: the first unknown option or command, or what the parser says.</summary>
    public static UsageException Of(ParseResult parse)
    {
        var command = parse.CommandResult.Command;
        var message = parse.UnmatchedTokens is [[not '-', ..] word, ..] && command.Subcommands.Count > 0 ? UnknownCommand(word, command)
            : UnknownOption(parse) is { } option ? Describe(option, command)
            : Missing(parse) is { } missing ? missing
            : parse.UnmatchedTokens is [var extra, ..] ? Extra(extra, command)
            : parse.Errors[0].Message;
        return new UsageException(message, CoppiceCommand.NameOf(command));
    }

    /// <summary>
    /// The first word that looks like an option and is none: it was taken as the command's argument, or for nothing at all. Null where
    /// there is none, or where "--" says that words are texts.
    /// </summary>
    public static string? UnknownOption(ParseResult parse)
    {
        if (parse.Tokens.Any(token => token.Type == TokenType.DoubleDash)) return null;
        var arguments = parse.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens)
            .Select(token => token.Value);
        return arguments.Concat(parse.UnmatchedTokens)
            .FirstOrDefault(word => word is ['-', _, ..] || Retyped(word, parse.CommandResult.Command) is not null);
    }

    /// <summary>The option that <paramref name="word"/> was until a program for texts made its hyphens a dash; or null.</summary>
    private static string? Retyped(string word, Command command)
    {
        if (word is not [EnDash or EmDash or Minus, ..]) return null;
        var name = "--" + NameIn(word).TrimStart(EnDash, EmDash, Minus, '-');
        return Options(command).FirstOrDefault(option => option == name);
    }

    private static string NameIn(string word) => word.Split('=', ':')[0];

    /// <summary>A sentence about an option that <paramref name="command"/> does not have.</summary>
    public static string Describe(string option, Command command)
    {
        var name = NameIn(option);
        var hint = (Retyped(name, command) ?? NearestName.Of(name, Options(command))) is { } meant ? $"did you mean {meant}?"
            : command.Subcommands.FirstOrDefault(inner => Options(inner).Contains(name)) is { } inner
                ? $"write the command first: {CoppiceCommand.NameOf(inner)} {name}"
            : command.Arguments.Count == 0 ? "the help lists them"
            : "write -- before a text that begins with a dash";
        return $"{name} is not an option ({hint})";
    }

    /// <summary>
    /// Which argument is missing, and which option has probably taken it: one that takes every word up to the next option; null where none
    /// is.
    /// </summary>
    private static string? Missing(ParseResult parse)
    {
        var missing = parse.CommandResult.Command.Arguments
            .FirstOrDefault(argument =>
                argument.Arity.MinimumNumberOfValues > 0 && parse.GetResult(argument) is null or { Tokens.Count: 0 });
        if (missing is null) return null;
        var taker = parse.CommandResult.Children.OfType<OptionResult>()
            .FirstOrDefault(option => option.Option.AllowMultipleArgumentsPerToken && option.Tokens.Count > 1);
        return taker is null ? $"{missing.Name} must be given"
            : $"{missing.Name} must be given ({taker.Option.Name} takes every word up to the next option: write {missing.Name} first)";
    }

    /// <summary>A word that the command does not take: a model's folder without its option, or one of a text without quotes.</summary>
    private static string Extra(string word, Command command)
    {
        const string model = "--model";
        var hint = Options(command).Contains(model) && Directory.Exists(word) ? $" (did you mean {model} {word}?)"
            : command.Arguments.Count > 0 ? " (put quotes around a text of several words)" : "";
        return $"\"{word}\" is one word more than the command takes{hint}";
    }

    private static string UnknownCommand(string word, Command command)
    {
        var names = command.Subcommands.Select(subcommand => subcommand.Name);
        var hint = NearestName.Of(word, names) is { } meant ? $"did you mean {meant}?" : $"commands are {string.Join(", ", names)}";
        return $"{word} is not a command ({hint})";
    }

    /// <summary>The options of a command and those that its parents give to all.</summary>
    private static IEnumerable<string> Options(Command command)
    {
        var inherited = command.Parents.OfType<Command>().SelectMany(parent => parent.Options.Where(option => option.Recursive));
        return command.Options.Concat(inherited).Where(option => !option.Hidden).Select(option => option.Name);
    }
}
