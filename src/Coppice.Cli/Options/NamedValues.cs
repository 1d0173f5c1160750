using System.CommandLine;

namespace Coppice.Cli;

/// <summary>Options whose values are names.</summary>
internal static class NamedValues
{
    /// <summary>Rejects values that are not among <paramref name="names"/>, with a message that begins with the option.</summary>
    public static void AcceptOnly(this Option<string> option, params IReadOnlyList<string> names)
    {
        option.CompletionSources.Add([.. names]);
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !names.Contains(token.Value))
                result.AddError($"{option.Name} must be one of {string.Join(", ", names)}, got {token.Value}");
        });
    }
}
