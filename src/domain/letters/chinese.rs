//! What each message says in Simplified Chinese.

use super::copy::{
    Copy,
    Part::{Code, Facts, Link, Say},
    Words,
};
use crate::domain::outbox::Template;

pub(super) const WORDS: Words = Words {
    greeting: "{% if name %}{{ name }}，{% endif %}您好：",
    facts: ["时间", "设备", "地址"],
    closing: "{{ service }} {{ portal }}",
};

const NOT_YOU: &str =
    "如果这不是您本人的操作，请立即在 {{ portal }} 设置新密码，并告知 {{ service }} 的管理员。";
const DO_NOTHING: &str = "链接只能使用一次，{{ lasts }}内有效。如果您没有提出此请求，请忽略本邮件。";

#[expect(clippy::too_many_lines, reason = "a catalogue: one entry for each message")]
pub(super) const fn copy(template: Template) -> Copy {
    let (subject, parts): (_, &'static [_]) = match template {
        Template::Welcome => (
            "欢迎使用 {{ service }}",
            &[
                Say("您在 {{ service }} 的账号{% if username %} {{ username }} {% endif %}已开通。"),
                Say("登录地址：{{ portal }}"),
            ],
        ),
        Template::ConfirmEmail => (
            "请确认您在 {{ service }} 的邮箱地址",
            &[
                Say("有人（可能是您本人）使用此邮箱地址在 {{ service }} 注册账号。请确认该地址属于您。"),
                Link("确认邮箱地址"),
                Say(
                    "链接只能使用一次，{{ lasts }}内有效。如果您没有注册账号，请忽略本邮件：未经您确认，该地址不会被使用。",
                ),
            ],
        ),
        Template::ResetPassword => (
            "重设 {{ service }} 的密码",
            &[
                Say(
                    "有人（可能是您本人）请求为您在 {{ service }} 的账号{% if username %} {{ username }} {% endif %}设置新密码。",
                ),
                Link("设置新密码"),
                Facts,
                Say(
                    "链接只能使用一次，{{ lasts }}内有效。如果这不是您本人的操作，请忽略本邮件，您的密码不会改变。",
                ),
            ],
        ),
        Template::SignInLink => (
            "登录 {{ service }}",
            &[
                Say(
                    "您可以通过此链接{% if username %}以 {{ username }} 的身份{% endif %}登录 {{ service }}。",
                ),
                Link("登录"),
                Facts,
                Say(DO_NOTHING),
            ],
        ),
        Template::Invitation => (
            "邀请您使用 {{ service }}",
            &[
                Say(
                    "{% if inviter %}{{ inviter }} 邀请您{% else %}邀请您{% endif %}在 {{ service }} 开通账号。",
                ),
                Link("接受邀请"),
                Say("链接只能使用一次，{{ lasts }}内有效。如果您不需要账号，请忽略本邮件。"),
            ],
        ),
        Template::ChangeEmailConfirm => (
            "请确认您在 {{ service }} 的新邮箱地址",
            &[
                Say("此地址将成为 {{ service }} 一个账号的邮箱地址。请确认该地址属于您。"),
                Link("确认邮箱地址"),
                Say(DO_NOTHING),
            ],
        ),
        Template::ChangeEmailNotice => (
            "您在 {{ service }} 的邮箱地址即将更改",
            &[
                Say("您在 {{ service }} 的账号的邮箱地址将更改{% if email %}为 {{ email }}{% endif %}。"),
                Link("停止更改"),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::EmailCode => (
            "您的 {{ service }} 验证码",
            &[
                Say("您在 {{ service }} 的验证码是："),
                Code,
                Facts,
                Say(
                    "验证码只能使用一次，{{ lasts }}内有效。请只在要求输入验证码的页面上输入；{{ service }} 的工作人员绝不会向您索要验证码。如果您没有请求验证码，说明有人知道您的密码，请在 {{ portal }} 设置新密码。",
                ),
            ],
        ),
        Template::SmsCode => {
            ("", &[Say("【{{ service }}】您的验证码是 {{ code }}，{{ lasts }}内有效。请勿告诉任何人。")])
        }
        Template::FactorAdded => (
            "您在 {{ service }} 添加了第二重验证",
            &[Say("{{ what }}现在可以作为您登录 {{ service }} 的第二重验证。"), Facts, Say(NOT_YOU)],
        ),
        Template::FactorRemoved => (
            "您在 {{ service }} 的第二重验证已移除",
            &[Say("{{ what }}不能再用于登录 {{ service }}。"), Facts, Say(NOT_YOU)],
        ),
        Template::RecoveryUsed => (
            "您在 {{ service }} 使用了恢复码",
            &[
                Say(
                    "您的一个恢复码已用于登录 {{ service }}。{% if left %}剩余恢复码：{{ left }} 个。{% endif %}",
                ),
                Facts,
                Say(
                    "请在 {{ portal }} 检查您的第二重验证：替换已丢失的验证方式，恢复码所剩不多时请重新生成。",
                ),
                Say(NOT_YOU),
            ],
        ),
        Template::NewDevice => (
            "{{ service }} 有新的登录",
            &[
                Say(
                    "您在 {{ service }} 的账号{% if username %} {{ username }} {% endif %}在一台新设备上登录。",
                ),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::AfterFailures => (
            "{{ service }} 在多次失败后登录成功",
            &[
                Say(
                    "您在 {{ service }} 的账号{% if username %} {{ username }} {% endif %}在{% if count %} {{ count }} 次{% endif %}失败的尝试之后登录成功。",
                ),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::PasswordChanged => (
            "您在 {{ service }} 的密码已更改",
            &[
                Say("您在 {{ service }} 的账号{% if username %} {{ username }} {% endif %}的密码已更改。"),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::PasswordReset => (
            "您在 {{ service }} 的密码已重设",
            &[
                Say(
                    "您在 {{ service }} 的账号{% if username %} {{ username }} {% endif %}的密码已在未使用旧密码的情况下重设：通过发送给您的链接，或由 {{ service }} 的管理员操作。所有会话均已结束。",
                ),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::AccountExists => (
            "您在 {{ service }} 已有账号",
            &[
                Say(
                    "有人（可能是您本人）尝试使用此邮箱地址在 {{ service }} 注册账号。该地址已有账号，登录地址：{{ portal }}",
                ),
                Link("设置新密码"),
                Say("如果您没有注册账号，请忽略本邮件。"),
            ],
        ),
        Template::AccountApproved => (
            "您在 {{ service }} 的账号已开通",
            &[
                Say(
                    "您在 {{ service }} 的账号{% if username %} {{ username }} {% endif %}已通过审批。登录地址：{{ portal }}",
                ),
                Link("登录"),
            ],
        ),
        Template::ApprovalWanted => (
            "{{ service }} 有账号等待审批",
            &[
                Say(
                    "{% if username %}{{ username }}{% else %}有人{% endif %}{% if email %}（{{ email }}）{% endif %}在 {{ service }} 注册了账号，等待审批。",
                ),
                Link("查看"),
                Facts,
            ],
        ),
        Template::Test => {
            ("{{ service }} 的测试邮件", &[Say("这是一封测试邮件。{{ service }} 可以向您发送邮件。"), Facts])
        }
        Template::MobileChanged => (
            "您在 {{ service }} 的手机号码已更改",
            &[
                Say(
                    "您在 {{ service }} 的账号{% if username %} {{ username }} {% endif %}的手机号码已更改。短信验证码今后将发送到新号码。",
                ),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::SmsTest => ("", &[Say("【{{ service }}】这是一条测试短信。")]),
    };
    Copy { subject, parts }
}
