using System.CommandLine;
using System.CommandLine.Parsing;
using Coppice.Kernels;

namespace Coppice.Cli;

/// <summary>An option whose values have names.</summary>
/// <param name="What">The option without its dashes.</param>
/// <param name="Supported">Names and what they mean; the first is the default.</param>
internal sealed record Choice<T>(string What, IReadOnlyList<(string Name, T Value)> Supported)
{
    /// <summary>What a name with settings, "NAME:key=value", means; null where names have none.</summary>
    public Func<string, T>? Read { get; init; }

    /// <summary>The names that work.</summary>
    public string Names => string.Join(", ", Supported.Select(choice => choice.Name));

    /// <summary>The option, which takes the supported names.</summary>
    public Option<string> Option(string description)
    {
        var option = new Option<string>("--" + What)
        {
            Description = description,
            HelpName = string.Join('|', Supported.Select(choice => choice.Name)),
            DefaultValueFactory = _ => Supported[0].Name,
        };
        option.CompletionSources.Add([.. Supported.Select(choice => choice.Name)]);
        option.Validators.Add(result => Validate("--" + What, result));
        return option;
    }

    /// <summary>Rejects other names.</summary>
    public void Validate(string option, OptionResult result)
    {
        if (result.Tokens is not [var token]) return;
        var name = Read is null ? token.Value : token.Value.Split(':')[0];
        if (Supported.All(choice => choice.Name != name))
        {
            result.AddError($"{option} must be one of {Names}, got {token.Value}");
            return;
        }
        try
        {
            if (name != token.Value) Read!(token.Value);
        }
        catch (ArgumentException error)
        {
            result.AddError($"{option}: {error.Message}");
        }
    }

    /// <summary>The name of a supported value.</summary>
    public string NameOf(T value) => Supported.First(choice => EqualityComparer<T>.Default.Equals(choice.Value, value)).Name;

    /// <summary>What <paramref name="name"/> means.</summary>
    /// <exception cref="CommandException">Nothing.</exception>
    public T Parse(string name)
    {
        foreach (var choice in Supported)
            if (choice.Name == name) return choice.Value;
        return Read is null ? throw new CommandException($"--{What} must be one of {Names}, got {name}.") : Read(name);
    }
}

/// <summary>The named values of the options that every command with a model has.</summary>
internal static class ModelChoices
{
    public static readonly Choice<WeightFormat> Weights = new(
        "weights",
        [
            ("as-stored", WeightFormat.AsStored), ("f32", WeightFormat.F32), ("f16", WeightFormat.F16), ("bf16", WeightFormat.BF16),
            ("q8", WeightFormat.Q8), ("q4", WeightFormat.Q4),
        ]);

    public static readonly Choice<ActivationFormat> Activations = new(
        "activations",
        [
            ("f32", ActivationFormat.F32), ("bf16", ActivationFormat.BF16), ("int8", ActivationFormat.Int8),
                ("auto", ActivationFormat.Auto),
        ]);

    public static readonly Choice<KvCacheOptions> Kv = new(
        "kv", [.. KvCacheOptions.Names.Select(name => (name, KvCacheOptions.Named(name)))])
    { Read = KvCacheOptions.Named };
}
